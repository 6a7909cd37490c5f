/** An object with some of its methods replaced. */
export function overriding<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get: (_, name) => {
      const value: unknown = Reflect.get(name in methods ? methods : object, name)
      return typeof value === 'function' ? (value.bind(object) as unknown) : value
    },
  })
}
