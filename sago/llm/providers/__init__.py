"""One file or package a provider; `sago.llm.registry` lists them."""
