"""What waits for the approval of whoever looks: in the header of every page, and on a page of its own."""
