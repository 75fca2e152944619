"""Pure decisions: no Django, no DRF, no dramatiq, no boto3. `decide` says what `engine` should do next."""
