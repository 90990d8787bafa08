"""Five LLM providers behind one interface."""
