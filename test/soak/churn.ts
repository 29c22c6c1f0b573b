/** What a busy catalog does: instances come, go, fail, recover and change their tags, and services pass by. */
import { ballast, deregister, type Registrar, register, setCheck } from '../e2e/site.ts';
import type { Random } from '../fuzz/random.ts';
import type { FleetMember } from './fleet.ts';

export const CALM_SERVICES = ['calm-1', 'calm-2', 'calm-3', 'calm-4', 'calm-5', 'calm-6'];
export const DEADLY_SERVICES = ['deadly-1', 'deadly-2'];
export const hostOf = (service: string): string => `${service}.test`;

/** Instances of a service besides its anchor, which is always there and well. */
const OTHERS = 3;
/** Services that pass by at the same time, at most. */
const MAX_PASSING = 20;

interface Seat {
  readonly service: string;
  readonly id: string;
  readonly member: FleetMember;
  isHere: boolean;
  isWell: boolean;
}

export class Churn {
  changes = 0;
  readonly #registrar: Registrar;
  readonly #random: Random;
  readonly #seats: Seat[] = [];
  readonly #anchors: { readonly service: string; readonly member: FleetMember }[] = [];
  readonly #passing: string[] = [];
  /** Never one that is killed. */
  readonly #safe: readonly FleetMember[];
  #passed = 0;

  /** `safe` members serve every service's anchor, `mortal` ones the other instances of deadly services. */
  constructor(
    registrar: Registrar,
    random: Random,
    safe: readonly FleetMember[],
    mortal: readonly FleetMember[],
  ) {
    this.#registrar = registrar;
    this.#random = random;
    this.#safe = safe;
    for (const [at, service] of [...CALM_SERVICES, ...DEADLY_SERVICES].entries()) {
      this.#anchors.push({ service, member: safe[at % safe.length]! });
      const others = DEADLY_SERVICES.includes(service) ? mortal : safe;
      for (let i = 1; i <= OTHERS; i++)
        this.#seats.push({
          ...{ service, id: `${service}-${i}`, member: others[(at + i) % others.length]! },
          ...{ isHere: false, isWell: true },
        });
    }
  }

  /** The host of a service that passes by, or has. */
  get passingHost(): string {
    return hostOf(`passing-${Math.max(0, this.#passed - this.#random.below(2 * MAX_PASSING))}`);
  }

  /** What is there at the beginning, and again at the end. */
  async begin(): Promise<void> {
    await ballast(this.#registrar);
    for (const { service, member } of this.#anchors)
      await register(this.#registrar, { name: service, port: member.port, tags: [tagOf(service)] });
    await this.settle();
  }

  /** Back to what `begin` left. */
  async settle(): Promise<void> {
    for (const service of this.#passing.splice(0)) await deregister(this.#registrar, service);
    for (const { service, member } of this.#anchors)
      await register(this.#registrar, { name: service, port: member.port, tags: [tagOf(service)] });
    for (const seat of this.#seats) {
      await this.#register(seat, [tagOf(seat.service)]);
      // A check keeps its status when its service is registered again.
      if (!seat.isWell) await this.#flip(seat);
    }
  }

  /** Names of the instances that take traffic once it is settled, by service. */
  get settled(): Map<string, string[]> {
    const ids = new Map(this.#anchors.map(({ service }) => [service, [service]]));
    for (const { service, id } of this.#seats) ids.get(service)!.push(id);
    return ids;
  }

  async change(): Promise<void> {
    const random = this.#random;
    this.changes++;
    const seat = random.pick(this.#seats);
    if (random.chance(0.1)) return this.#pass();
    if (random.chance(0.1)) return this.#retag();
    if (!seat.isHere) return this.#register(seat, [tagOf(seat.service)]);
    if (random.chance(0.5)) return this.#flip(seat);
    if (random.chance(0.5)) return this.#register(seat, tagsOf(seat.service, random));
    seat.isHere = false;
    seat.isWell = true;
    return deregister(this.#registrar, seat.id);
  }

  /** A service of a name that was never seen before comes, or the oldest of them goes. */
  async #pass(): Promise<void> {
    const isFull = this.#passing.length >= MAX_PASSING;
    if (isFull || (this.#passing.length > 0 && this.#random.chance(0.45)))
      return deregister(this.#registrar, this.#passing.shift()!);
    const name = `passing-${++this.#passed}`;
    this.#passing.push(name);
    await register(this.#registrar, { name, port: this.#random.pick(this.#safe).port, tags: [tagOf(name)] });
  }

  /** The newest registration says how the route is: that of the anchor changes. */
  #retag(): Promise<void> {
    const { service, member } = this.#random.pick(this.#anchors);
    return register(this.#registrar, {
      name: service,
      port: member.port,
      tags: tagsOf(service, this.#random),
    });
  }

  #flip(seat: Seat): Promise<void> {
    seat.isWell = !seat.isWell;
    const status = seat.isWell ? 'passing' : 'critical';
    return setCheck(this.#registrar, seat.id, status, `change ${this.changes}`);
  }

  async #register(seat: Seat, tags: readonly string[]): Promise<void> {
    seat.isHere = true;
    await register(this.#registrar, { name: seat.service, id: seat.id, port: seat.member.port, tags });
  }
}

function tagOf(service: string): string {
  return `fairlead:${hostOf(service)}/`;
}

function tagsOf(service: string, random: Random): string[] {
  const option = random.pick([
    '',
    ' timeout=20s',
    ' timeout=40s',
    ' balance=rr',
    ' balance=random',
    ' weight=3',
  ]);
  const main = `${tagOf(service)}${option}`;
  return random.chance(0.5) ? [main] : [main, `fairlead:${hostOf(service)}/v${random.below(10)} strip`];
}
