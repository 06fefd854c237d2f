"""A real bot against an exchange that fails: cases, kills and the simulation."""
