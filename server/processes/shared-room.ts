/**
 * Which of the workers that share a port have room for connections. A full one leaves the port to the others, but the
 * last stays, to tell whoever comes that there is no room.
 */
export class SharedRoom {
  readonly #hasRoom: boolean[];
  readonly #told: boolean[];

  constructor(workers: number) {
    this.#hasRoom = Array<boolean>(workers).fill(true);
    this.#told = this.#hasRoom.map((_, worker) => this.#haveOthersRoom(worker));
  }

  /** @returns the workers to be told anew whether others have room */
  set(worker: number, hasRoom: boolean): { worker: number; haveOthersRoom: boolean }[] {
    this.#hasRoom[worker] = hasRoom;
    return this.#told.flatMap((told, other) => {
      const haveOthersRoom = this.#haveOthersRoom(other);
      this.#told[other] = haveOthersRoom;
      return told === haveOthersRoom ? [] : [{ worker: other, haveOthersRoom }];
    });
  }

  /** What a worker that was started again begins with: others have room. */
  forget(worker: number): void {
    this.#told[worker] = this.#told.length > 1;
  }

  #haveOthersRoom(worker: number): boolean {
    return this.#hasRoom.some((hasRoom, other) => hasRoom && other !== worker);
  }
}
