/** When a full disk is told of, and when it is told to be over. */
import { expect, it } from 'vitest';
import { Code, type CodeNumber } from '../../ts/io/native-types.ts';
import { CALM_MS, SpaceNews } from '../../ts/io/space-news.ts';

function heard() {
  const told: boolean[] = [];
  const clock = { ms: 1000 };
  const news = new SpaceNews(
    (action) => action(),
    () => clock.ms,
  );
  const forget = news.onChange((isFull) => told.push(isFull));
  const commit = (...codes: readonly CodeNumber[]): void => {
    news.committed({ count: codes.length, codeOf: (row) => codes[row] ?? Code.ok });
  };
  return { told, clock, news, forget, commit };
}

it('tells once that the disk is full, however often frames are refused', () => {
  const { told, news, commit } = heard();
  commit(Code.ok, Code.busy);
  expect(told).toEqual([]);
  commit(Code.ok, Code.noSpace);
  commit(Code.noSpace);
  expect(told).toEqual([true]);
  expect(news.isFull).toBe(true);
});

it('tells that it is over when a frame is taken and none was refused for a while', () => {
  const { told, clock, news, commit } = heard();
  commit(Code.noSpace);
  commit(Code.ok);
  clock.ms += CALM_MS - 1;
  commit(Code.ok);
  expect(told).toEqual([true]);
  commit(Code.noSpace, Code.ok);
  clock.ms += CALM_MS;
  commit(Code.busy);
  expect(told).toEqual([true]);
  commit(Code.ok);
  expect(told).toEqual([true, false]);
  expect(news.isFull).toBe(false);
});

it('tells nobody who has gone', () => {
  const { told, forget, commit } = heard();
  forget();
  commit(Code.noSpace);
  expect(told).toEqual([]);
});
