// Crashes of the log, by the thousand:
//   node --conditions=@holdfast/source tools/explore-log.ts --seed 1 --workloads 100 --survivals 4
// A failing run prints a line `FAILED --seed … --workload … --cuts …`: these arguments replay it.
import { exploreCommand } from '../packages/testing/src/exploration/command.fixture.ts'
import { logSubject } from '../packages/testing/src/exploration/log-subject.fixture.ts'

await exploreCommand(logSubject)
