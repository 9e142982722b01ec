/** What `millrace doctor` finds here, with what to do about it; what needs doing stands first. */

import type { JSX } from 'preact';
import type { DoctorView } from '../api.ts';
import { Await } from './empty.tsx';
import { moment } from './format.ts';
import { useView } from './load.ts';
import { Table } from './table.tsx';

const order = { FAIL: 0, WARN: 1, OK: 2 } as const;

export function Doctor(): JSX.Element {
  const view = useView<DoctorView>('doctor');
  return (
    <>
      <h2 class="section">The machine</h2>
      <Await of={view}>{(value) => <Findings view={value} />}</Await>
    </>
  );
}

function Findings({ view }: { view: DoctorView }): JSX.Element {
  const sorted = [...view.findings].sort((left, right) => order[left.verdict] - order[right.verdict]);
  return (
    <>
      <Table
        label="What doctor finds"
        rows={sorted}
        keyOf={(row) => row.check}
        empty="On a simulated disk there is no machine to look at."
        columns={[
          { title: 'Check', cell: (row) => row.check },
          { title: 'State', cell: (row) => <span class={`verdict ${row.verdict.toLowerCase()}`}>{row.verdict}</span> },
          {
            title: 'Found',
            cell: (row) => (
              <>
                {row.detail}
                {row.verdict !== 'OK' && (
                  <div class="dim">
                    {row.fix}
                    {row.command !== undefined && (
                      <>
                        : <code>{row.command}</code>
                      </>
                    )}
                  </div>
                )}
              </>
            ),
          },
        ]}
      />
      <p class="dim">
        Looked at {moment(view.checkedMs)}, at most once a minute, and only read. <code>millrace doctor</code> also
        tries the device.
      </p>
    </>
  );
}
