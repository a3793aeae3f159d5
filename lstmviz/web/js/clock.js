/** When the steps of time that plays are due. */
export class Clock {
  /**
   * @param {number} now in milliseconds
   * @param {number} speed steps a second
   */
  constructor(now, speed) {
    this.due = now + 1000 / speed;
  }

  /**
   * Whether a step is due: one a drawing, so that none is skipped; who falls behind does not race to catch up.
   *
   * @param {number} now in milliseconds
   * @param {number} speed steps a second, from here to the next
   */
  tick(now, speed) {
    if (now < this.due) return false;
    const pause = 1000 / speed;
    this.due = now - this.due < pause ? this.due + pause : now + pause;
    return true;
  }
}
