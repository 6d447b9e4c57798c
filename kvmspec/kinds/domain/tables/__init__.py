"""Rows of the field table, a module a group of fields."""
