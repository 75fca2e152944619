"""Deciding who may do what, where: pure Python."""
