// The ollama package.

import { Ollama } from 'ollama'
import { beginning, HOST, INPUTS, MESSAGES, PROMPT, TOOL, WEATHER, present, report } from './observe.mjs'

const client = new Ollama({ host: HOST })

function* generated(part) {
  yield* present({ thinking: part.thinking, text: part.response })
  yield* counted(part)
}

function* chatted(part) {
  const { thinking, content, tool_calls } = part.message
  yield* present({ thinking, text: content })
  for (const call of tool_calls ?? []) yield ['tool', [call.function.name, call.function.arguments]]
  yield* counted(part)
}

function* counted(part) {
  if (!part.done) return
  yield ['counts', [part.prompt_eval_count, part.eval_count]]
  yield ['reason', part.done_reason]
}

async function* generate(model) {
  yield* generated(await client.generate({ model, prompt: PROMPT }))
}

async function* generate_streamed(model) {
  for await (const part of await client.generate({ model, prompt: PROMPT, stream: true })) yield* generated(part)
}

async function* chat(model, options) {
  yield* chatted(await client.chat({ model, messages: MESSAGES, ...options }))
}

async function* chat_streamed(model, options) {
  const parts = await client.chat({ model, messages: MESSAGES, stream: true, ...options })
  for await (const part of parts) yield* chatted(part)
}

async function* tools(model, ask = chat) {
  const messages = [...MESSAGES]
  for await (const [kind, value] of ask(model, { tools: [TOOL] })) {
    yield [kind, value]
    if (kind === 'tool') {
      const [name, args] = value
      messages.push({ role: 'assistant', content: '', tool_calls: [{ function: { name, arguments: args } }] })
      messages.push({ role: 'tool', tool_name: name, content: WEATHER })
    }
  }
  yield* ask(model, { messages, tools: [TOOL] })
}

async function* cancel(model) {
  const stream = await client.chat({ model, messages: MESSAGES, stream: true })
  for await (const part of beginning(stream)) yield* chatted(part)
  stream.abort()
}

async function* embed(model) {
  for (const vector of (await client.embed({ model, input: INPUTS })).embeddings) yield ['vector', vector]
}

async function* embed_one(model) {
  yield ['vector', (await client.embeddings({ model, prompt: INPUTS[0] })).embedding]
}

async function* models() {
  for (const model of (await client.list()).models) yield ['model', model.model]
}

async function* loaded() {
  for (const model of (await client.ps()).models) yield ['model', model.model]
}

async function* show(model) {
  yield ['can use tools', (await client.show({ model })).capabilities.includes('tools')]
}

await report({
  generate,
  generate_streamed,
  chat,
  chat_streamed,
  think: (model) => chat(model, { think: true }),
  think_streamed: (model) => chat_streamed(model, { think: true }),
  tools,
  tools_streamed: (model) => tools(model, chat_streamed),
  cancel,
  embed,
  embed_one,
  models,
  loaded,
  show
})
