import { describe, expectTypeOf, it } from 'vitest'
import type { File } from '@holdfast/environment'
import type { ByteSource, Frame, FrameEnd, FrameFault, FrameReader } from './index.ts'

describe('FrameReader', () => {
  it('returns a result that its type tells apart, at once or later', () => {
    expectTypeOf<ReturnType<FrameReader['next']>>().toEqualTypeOf<
      Frame | FrameFault | FrameEnd | Promise<Frame | FrameFault | FrameEnd>
    >()
    type Result = Awaited<ReturnType<FrameReader['next']>>
    expectTypeOf<Extract<Result, { type: 'frame' }>>().toEqualTypeOf<Frame>()
    expectTypeOf<Extract<Result, { type: 'fault' }>>().toEqualTypeOf<FrameFault>()
  })

  it('reads from a file of the environment', () => {
    expectTypeOf<File>().toExtend<ByteSource>()
  })
})
