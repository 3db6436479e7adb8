"""What models are told, as data: `<name>-<number>.txt`, read by `sago.llm.prompts`. Another text gets another number."""
