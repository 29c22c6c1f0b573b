/** How the followed services are kept up to date. Two kinds: one watch each, or a few watches for all. */
export interface Follower {
  /** These are followed from now on; what is not named any more is let go. */
  follow(names: ReadonlySet<string>): void;
  /** Ask again about these: the services list contradicts what is known of them. */
  suspect(names: readonly string[]): void;
  /** Ask again about everything. */
  suspectAll(): void;
  /** Something was registered or deregistered; `changed` are the services whose entry in the list shows it. */
  registrationsMoved(changed: readonly string[]): void;
  watches(): number;
  stop(): void;
}
