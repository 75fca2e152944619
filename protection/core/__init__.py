"""The rules of what exists. Pure: no Django, no AWS, no clock."""
