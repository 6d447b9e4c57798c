"""Plans, problems, outcomes and states as text and JSON. Pure: everything returns text."""
