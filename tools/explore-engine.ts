// As explore-log.ts, for the whole engine: refusals, snapshots, retention.
//   node --conditions=@holdfast/source tools/explore-engine.ts --seed 1 --workloads 100 --survivals 4
import { exploreCommand } from '../packages/testing/src/exploration/command.fixture.ts'
import { engineSubject } from '../packages/testing/src/exploration/engine-subject.fixture.ts'

await exploreCommand(engineSubject)
