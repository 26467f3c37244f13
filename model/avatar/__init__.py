"""The default head, made by code alone: implicit surface, topology, rig, identities, look."""
