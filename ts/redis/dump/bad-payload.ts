/** Thrown for bytes that are no value: RESTORE answers that the format is bad. */
export class BadPayload extends Error {
  constructor() {
    super('bad data format');
    this.name = 'BadPayload';
  }
}
