// The machine as a module: threads import it.
import { cityMachine } from '../recovery/cities.ts'

export default cityMachine
