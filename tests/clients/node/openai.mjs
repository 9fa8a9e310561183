// The openai package.

import OpenAI from 'openai'
import { beginning, INPUTS, MESSAGES, PROMPT, TOOL, V1, WEATHER, present, report } from './observe.mjs'

const client = new OpenAI({ baseURL: V1, apiKey: 'unused' })
const WITH_USAGE = { stream: true, stream_options: { include_usage: true } }

function* counted({ usage }) {
  if (usage) yield ['counts', [usage.prompt_tokens, usage.completion_tokens]]
}

function* said(choice, { reasoning, content, tool_calls }) {
  yield* present({ thinking: reasoning, text: content })
  for (const call of tool_calls ?? []) {
    yield ['tool', [call.function.name, JSON.parse(call.function.arguments)]]
    yield ['id', call.id]
  }
  yield* present({ reason: choice.finish_reason })
}

async function* generate(model) {
  const answer = await client.completions.create({ model, prompt: PROMPT })
  yield ['text', answer.choices[0].text]
  yield* counted(answer)
}

async function* generate_streamed(model) {
  for await (const part of await client.completions.create({ model, prompt: PROMPT, ...WITH_USAGE })) {
    for (const choice of part.choices) yield* present({ text: choice.text, reason: choice.finish_reason })
    yield* counted(part)
  }
}

async function* chat(model, options) {
  const answer = await client.chat.completions.create({ model, messages: MESSAGES, ...options })
  yield* said(answer.choices[0], answer.choices[0].message)
  yield* counted(answer)
}

async function* chat_streamed(model, options) {
  const request = { model, messages: MESSAGES, ...WITH_USAGE, ...options }
  for await (const part of await client.chat.completions.create(request)) {
    for (const choice of part.choices) yield* said(choice, choice.delta)
    yield* counted(part)
  }
}

async function* tools(model, ask = chat) {
  const called = {}
  for await (const [kind, value] of ask(model, { tools: [TOOL] })) {
    yield [kind, value]
    called[kind] = value
  }
  const [name, args] = called.tool
  const call = { id: called.id, type: 'function', function: { name, arguments: JSON.stringify(args) } }
  const messages = [
    ...MESSAGES,
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', tool_call_id: called.id, content: WEATHER }
  ]
  yield* ask(model, { messages, tools: [TOOL] })
}

async function* cancel(model) {
  const stream = await client.chat.completions.create({ model, messages: MESSAGES, stream: true })
  for await (const part of beginning(stream)) yield* said(part.choices[0], part.choices[0].delta)
  stream.controller.abort()
}

async function* embed(model, options) {
  const answer = await client.embeddings.create({ model, input: INPUTS, ...options })
  for (const item of answer.data) yield ['vector', item.embedding]
}

async function* models() {
  for await (const model of client.models.list()) yield ['model', model.id]
}

async function* retrieve(model) {
  yield ['model', (await client.models.retrieve(model)).id]
}

await report({
  generate,
  generate_streamed,
  chat,
  chat_streamed,
  think: (model) => chat(model, { reasoning_effort: 'high' }),
  think_streamed: (model) => chat_streamed(model, { reasoning_effort: 'high' }),
  tools,
  tools_streamed: (model) => tools(model, chat_streamed),
  cancel,
  embed, // asks for base64 unless told otherwise
  embed_float: (model) => embed(model, { encoding_format: 'float' }),
  models,
  retrieve
})
