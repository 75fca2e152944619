"""Pure decisions: no Django, no DRF, no dramatiq, no boto3. What to do next is decided here and nowhere else."""
