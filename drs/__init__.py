"""The edge: everything drsorch knows of AWS Elastic Disaster Recovery. No Django in here."""
