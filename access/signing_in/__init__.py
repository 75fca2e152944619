"""How allauth behaves here: forms, second factors, sessions."""
