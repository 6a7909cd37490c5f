import { HoldfastError } from '@holdfast/environment'
import { MAX_DEPTH } from './limits.ts'

/** Why a value is refused: the end of a sentence that begins with its path, and what to do instead. */
export interface Reason {
  readonly text: string
  readonly hint: string
}

type ReasonName =
  | 'function'
  | 'symbol'
  | 'negativeZero'
  | 'bigint'
  | 'surrogate'
  | 'proxy'
  | 'depth'
  | 'reservedName'
  | 'hiddenProperty'
  | 'symbolKey'
  | 'hole'
  | 'namedProperty'
  | 'invalidDate'
  | 'detached'
  | 'resizable'
  | 'sharedMemory'
  | 'nullPrototype'
  | 'buffer'
  | 'error'
  | 'regExp'
  | 'instance'
  | 'realm'
  | 'notBytes'
  | 'unreadable'
  | 'changed'
  | 'extended'

/** All of them. The README's table says the same. */
export const reasons: Readonly<Record<ReasonName, Reason>> = {
  function: { text: 'is a function', hint: 'Store the data that it needs, and the name of what to do.' },
  symbol: { text: 'is a symbol', hint: 'Store a string.' },
  negativeZero: { text: 'is -0, which would come back as 0', hint: 'Add 0 to it, which makes it 0.' },
  bigint: { text: 'is a bigint of more than 64 bits', hint: 'Store its digits, as a string.' },
  surrogate: {
    text: 'is a string with half of a surrogate pair, which UTF-8 cannot hold',
    hint: 'Use toWellFormed(), or store its UTF-16 code units in a Uint16Array.',
  },
  proxy: { text: 'is a Proxy', hint: 'Store the object behind it, or a plain copy.' },
  depth: {
    text: `is more than ${MAX_DEPTH} containers deep, or inside itself`,
    hint: 'Refer to other objects by an id, and keep lists in arrays.',
  },
  reservedName: { text: 'is a property name that cannot be stored', hint: 'Use another name, or a Map.' },
  hiddenProperty: {
    text: 'has properties that are not enumerable, or Object.prototype has ones that are',
    hint: 'Store a plain copy: { ...object }.',
  },
  symbolKey: { text: 'has symbols for keys', hint: 'Store a copy with strings for keys.' },
  hole: { text: 'is a hole in its array', hint: 'Write undefined or null there.' },
  namedProperty: {
    text: 'has properties beside what it holds',
    hint: 'Store a plain copy, such as [...array], or an object that holds both.',
  },
  invalidDate: { text: 'is an invalid Date', hint: 'Store null.' },
  detached: { text: 'has lost its memory to another thread', hint: 'Store it before it is transferred.' },
  resizable: { text: 'is a resizable ArrayBuffer', hint: 'Store buffer.slice(0).' },
  sharedMemory: { text: 'is a view of shared memory', hint: 'Store a copy: array.slice().' },
  nullPrototype: { text: 'is an object without a prototype', hint: 'Store a copy, { ...object }, or a Map.' },
  buffer: {
    text: 'is a Buffer, which would come back as a Uint8Array',
    hint: 'Store new Uint8Array(buffer), which copies it.',
  },
  error: { text: 'is an Error', hint: 'Store its name, message and what else matters as an object.' },
  regExp: { text: 'is a RegExp', hint: 'Store its source and flags.' },
  instance: {
    text: 'is an instance of a class',
    hint: 'Store plain data: { ...object }, and make the instance again where it is needed.',
  },
  notBytes: { text: 'is not a Uint8Array', hint: 'This codec stores bytes only.' },
  realm: {
    text: 'is of another realm, such as a vm context',
    hint: 'Store a copy that is made in the realm of the store.',
  },
  unreadable: { text: 'could not be read', hint: '`cause` is what its getter threw.' },
  changed: {
    text: 'changed while it was read',
    hint: 'Store data without getters that change it.',
  },
  extended: {
    text: 'is of a class that msgpackr was taught to write in another way',
    hint: 'Something in this process called addExtension of msgpackr for it. Store plain data.',
  },
}

export function notSerializable(at: string, reason: Reason, cause?: unknown): HoldfastError {
  return new HoldfastError('NOT_SERIALIZABLE', `${at} ${reason.text}`, {
    hint: reason.hint,
    details: { at, reason: reason.text },
    cause,
  })
}

export function tooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError('RECORD_TOO_LARGE', `the value needs more than ${maxBytes} bytes`, {
    hint: 'Split it: no frame of the format holds more.',
    details: { maxBytes },
  })
}

export function decodeFailed(reason: string, offset: number, cause?: unknown): HoldfastError {
  return new HoldfastError('DECODE_FAILED', `these are not the values of one frame: ${reason}`, {
    details: { at: offset },
    cause,
  })
}
