"""Files that people and scripts keep: CSV for spreadsheets, YAML for documents, and how a file is sent."""
