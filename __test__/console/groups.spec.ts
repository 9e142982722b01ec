/** Promises of groups in the console: lag as it is, seeking as it was shown, nothing moved under members. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GroupsView, GroupView, SeekAnswer } from '../../ts/console/api.ts';
import { commitOrders, openScene, produceOrders, type Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ console: { write: true } });
  await produceOrders(scene, 400);
});
afterAll(() => scene[Symbol.asyncDispose]());

async function seek(body: object): Promise<SeekAnswer> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await scene.ask('/console/api/group-seek', { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as SeekAnswer & { error?: string };
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function offsets(group: string): Promise<(number | null)[]> {
  const { partitions } = await scene.view<GroupView>(`group?group=${group}`);
  return partitions.map(({ committed }) => committed);
}

describe('a group', () => {
  it('lags by what it has not committed', async () => {
    await commitOrders(scene, 'lagging', 30);
    const { groups } = await scene.view<GroupsView>('groups');
    expect(groups).toContainEqual(
      expect.objectContaining({
        group: 'lagging',
        kind: 'offsets',
        state: 'Empty',
        members: 0,
        topics: 1,
        lag: 400 - 120,
      }),
    );
  });

  it('is moved as the preview has said, within the log, and the preview moves nothing', async () => {
    await commitOrders(scene, 'moving', 30);
    const shown = await seek({ group: 'moving', to: 'shift', value: -10, preview: true });
    expect(shown.rows.map(({ before, after, again }) => [before, after, again])).toEqual(
      Array.from({ length: 4 }, () => [30, 20, 10]),
    );
    expect([shown.isDone, await offsets('moving')]).toEqual([false, [30, 30, 30, 30]]);
    expect((await seek({ group: 'moving', to: 'shift', value: -10 })).isDone).toBe(true);
    expect(await offsets('moving')).toEqual([20, 20, 20, 20]);
    await seek({ group: 'moving', to: 'offset', value: 1_000_000 });
    const { partitions, lag } = await scene.view<GroupView>('group?group=moving');
    expect([lag, partitions.every(({ committed, end }) => committed === end)]).toEqual([0, true]);
    await seek({ group: 'moving', to: 'earliest' });
    expect(await offsets('moving')).toEqual([0, 0, 0, 0]);
    await seek({ group: 'moving', to: 'time', value: Date.UTC(2026, 10, 22) + 399_000 });
    const late = await scene.view<GroupView>('group?group=moving');
    expect(late.lag).toBe(1);
  });

  it('with members shows them with their partitions, and is not moved under them', async () => {
    const consumer = scene.kafka.consumer({ groupId: 'busy' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    let seen = 0;
    const eachMessage = async (): Promise<void> => {
      seen += 1;
    };
    await consumer.run({ eachMessage });
    await expect.poll(() => seen, { timeout: 10_000 }).toBe(400);
    const view = await scene.view<GroupView>('group?group=busy');
    expect(view).toMatchObject({ kind: 'classic', state: 'Stable', members: 1 });
    expect(view.memberList[0]?.partitions).toEqual([{ topic: 'orders', partitions: [0, 1, 2, 3] }]);
    const shown = await seek({ group: 'busy', to: 'earliest', topic: 'orders', preview: true });
    expect(shown.refusal).toMatch(/has members/);
    await expect(seek({ group: 'busy', to: 'earliest', topic: 'orders' })).rejects.toThrow(/has members/);
    await consumer.disconnect();
  });

  it('that is asked for wrongly is refused in words', async () => {
    await expect(seek({ group: 'nobody', to: 'earliest' })).rejects.toThrow(/there is no group nobody/);
    await expect(seek({ group: 'lagging', to: 'sideways', value: 1 })).rejects.toThrow(/to must be/);
    await expect(seek({ group: 'lagging', to: 'offset', value: 'x' })).rejects.toThrow(/whole number/);
    await expect(seek({ group: 'lagging', to: 'earliest', topic: 'none' })).rejects.toThrow(/no topic none/);
  });
});
