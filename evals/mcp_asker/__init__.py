"""A client that knows English and JSON Schema, and no tool: what it calls and reads, it takes from what a
server says about itself. No model, no chance: the same question gives the same calls."""
