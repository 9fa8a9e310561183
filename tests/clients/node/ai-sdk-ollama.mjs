// The AI SDK with its provider ai-sdk-ollama.

import { embedMany, generateText, stepCountIs, streamText, tool } from 'ai'
import { createOllama } from 'ai-sdk-ollama'
import { z } from 'zod'
import { beginning, HOST, INPUTS, PROMPT, TOOL, WEATHER, present, report } from './observe.mjs'

const ollama = createOllama({ baseURL: HOST })
const get_weather = tool({
  description: TOOL.function.description,
  inputSchema: z.object({ city: z.string(), days: z.number().int() }),
  execute: async () => WEATHER
})
const WITH_TOOLS = { tools: { get_weather }, stopWhen: stepCountIs(3) }

function request(model, { think, ...options } = {}) {
  return { model: ollama(model, { think }), prompt: PROMPT, maxRetries: 0, ...options }
}

function* counted(usage) {
  yield ['counts', [usage.inputTokens, usage.outputTokens]]
}

async function* chat(model, options) {
  for (const step of (await generateText(request(model, options))).steps) {
    for (const call of step.toolCalls) yield ['tool', [call.toolName, call.input]]
    yield* present({ thinking: step.reasoningText, text: step.text, reason: step.finishReason })
    yield* counted(step.usage)
  }
}

async function* chat_streamed(model, options) {
  yield* happened(streamText({ ...request(model, options), onError() {} }).stream)
}

async function* happened(parts) {
  for await (const part of parts) {
    if (part.type === 'text-delta') yield ['text', part.text]
    else if (part.type === 'reasoning-delta') yield ['thinking', part.text]
    else if (part.type === 'tool-call') yield ['tool', [part.toolName, part.input]]
    else if (part.type === 'error') throw part.error
    else if (part.type === 'finish-step') {
      yield ['reason', part.finishReason]
      yield* counted(part.usage)
    }
  }
}

async function* cancel(model) {
  const leaving = new AbortController()
  const { textStream } = streamText(request(model, { abortSignal: leaving.signal }))
  for await (const text of beginning(textStream)) yield ['text', text]
  leaving.abort()
}

async function* embed(model) {
  const { embeddings } = await embedMany({ model: ollama.embedding(model), values: INPUTS, maxRetries: 0 })
  for (const vector of embeddings) yield ['vector', vector]
}

await report({
  chat,
  chat_streamed,
  think: (model) => chat(model, { think: true }),
  think_streamed: (model) => chat_streamed(model, { think: true }),
  tools: (model) => chat(model, WITH_TOOLS),
  tools_streamed: (model) => chat_streamed(model, WITH_TOOLS),
  cancel,
  embed
})
