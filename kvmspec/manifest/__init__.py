"""From YAML files to one resolved manifest: positions, strict scalars, variables, profiles, counts."""
