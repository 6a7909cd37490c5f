/** A state to look at: its own containers have no methods that change them. What they hold is as it is. */
export type ReadonlyState<State> =
  State extends Map<infer Key, infer Value>
    ? ReadonlyMap<Key, Value>
    : State extends Set<infer Member>
      ? ReadonlySet<Member>
      : State extends readonly (infer Item)[]
        ? readonly Item[]
        : Readonly<State>
