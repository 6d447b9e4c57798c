"""The rows of the field table, a group of devices a module."""
