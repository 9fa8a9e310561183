// What the npm clients share: making the calls that the command line names, telling what was seen.
//
// A call is an asynchronous generator of what a user of the client gets to see: pairs of a kind and a
// value, such as ["text", "Salt"]. It fails as the client does. `chat:plain` makes the call `chat`
// with the model `plain`; a call that the client does not have is not reported.

export const HOST = process.env.OLLAMA_HOST
export const V1 = `${HOST}/v1`
export const PROMPT = 'Say it.'
export const MESSAGES = [{ role: 'user', content: PROMPT }]
export const TOOL = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of the next days',
    parameters: {
      type: 'object',
      required: ['city', 'days'],
      properties: { city: { type: 'string' }, days: { type: 'integer' } }
    }
  }
}
export const WEATHER = '18 degrees'
export const INPUTS = ['salt', 'pepper']
const ENOUGH = 3 // pieces, after which a stream is cancelled

// Makes the named calls and prints a line of JSON for each.
export async function report(calls) {
  for (const named of process.argv.slice(2)) {
    const [call, model] = named.split(':')
    if (call in calls) {
      console.log(JSON.stringify({ call: named, seen: await seen(calls[call], model) }))
    }
  }
}

// By kind, what was observed, in order.
async function seen(call, model) {
  const result = {}
  try {
    for await (const [kind, value] of call(model)) (result[kind] ??= []).push(value)
  } catch (problem) {
    result.error = [problem.constructor.name, withoutVolatile(String(problem.message))]
  }
  return result
}

function withoutVolatile(message) {
  return message.replace(/127\.0\.0\.1:\d+/g, 'SERVER')
}

// Pairs of those that say something.
export function present(observations) {
  return Object.entries(observations).filter(([, value]) => value)
}

// The first few parts of a stream. The stream itself is left open.
export async function* beginning(stream) {
  const parts = stream[Symbol.asyncIterator]()
  for (let count = 0; count < ENOUGH; count++) yield (await parts.next()).value
}
