#!/bin/sh
# The smallest agent: one question, and the answer as it streams in.
curl -s "$OLLAMA_HOST/v1/chat/completions" -d '{
    "model": "gemma3:270m",
    "stream": true,
    "messages": [{"role": "user", "content": "What does the log of the greenhouse say?"}]
}'
