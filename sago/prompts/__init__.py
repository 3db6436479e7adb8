"""What models are told, as data: `<name>-<number>.txt`, read by `sago.llm.prompts`. A new text has a new number."""
