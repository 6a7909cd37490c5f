// What importing a package costs. Nothing but that is in this file, so that nothing of it is there already.
const [{ specifiers }] = process.argv.slice(2).map((argument) => JSON.parse(argument))
const before = process.memoryUsage.rss()
const started = performance.now()
for (const specifier of specifiers) await import(specifier)
const importMs = performance.now() - started
const rss = process.memoryUsage.rss()
const figures = { importMs, rssMib: rss / 1024 ** 2, grownMib: (rss - before) / 1024 ** 2 }
process.stdout.write(`${JSON.stringify({ figures })}\n`, () => process.exit())
