// Deleting a table: says which maps will break before it happens.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { deleteTable, type Table } from '../../api/connections';
import { type Items, request } from '../../api/http';
import { readMap } from '../../api/maps';
import { tablesIn } from '../../lib/sql-text';
import { documentFrom } from '../../map/document/repair';
import { paths } from '../../paths';
import { Confirm } from '../../ui/Confirm';
import { showProblem, showToast } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';

type Props = { connection: string; table: Table; isOpen: boolean; onClose: () => void };

/** At most this many maps are looked into; more would keep the question waiting. */
const MAPS_LOOKED_AT = 50;

async function mapsThatRead(name: string): Promise<{ titles: string[]; isComplete: boolean }> {
  const list = await request<Items<{ id: string }>>('/workspace-api/maps');
  const maps = await Promise.all(list.items.slice(0, MAPS_LOOKED_AT).map((map) => readMap(map.id)));
  const reading = maps.filter((map) =>
    documentFrom(map).datasets.some((dataset) =>
      dataset.type === 'table' ? dataset.source === name : tablesIn(dataset.source).includes(name),
    ),
  );
  return {
    titles: reading.map((map) => map.title),
    isComplete: !list.next && list.items.length <= MAPS_LOOKED_AT,
  };
}

export function DeleteTable({ connection, table, isOpen, onClose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const impact = useQuery({
    queryKey: ['impact', connection, table.name],
    queryFn: () => mapsThatRead(table.name),
    enabled: isOpen,
    staleTime: 0,
  });
  const remove = useMutation({
    mutationFn: () => deleteTable(connection, table.name),
    onSuccess: async () => {
      onClose();
      await navigate({ to: paths.data });
      await queries.invalidateQueries({ queryKey: ['connections', connection] });
      showToast({ message: t('data.deleted', { name: table.name }) });
    },
    onError: (error) => showProblem(t('data.deleteFailed', { name: table.name }), error.message),
  });
  return (
    <Confirm
      isOpen={isOpen}
      title={t('data.deleteTitle', { name: table.name })}
      confirm={t('data.deleteConfirm')}
      isBusy={remove.isPending}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      <p>
        {table.rows === null
          ? t('data.deleteText')
          : t('data.deleteTextRows', { count: table.rows, number: format.number(table.rows) })}
      </p>
      {impact.isPending ? <p className="dim">{t('data.impactLooking')}</p> : null}
      {impact.data && impact.data.titles.length > 0 ? (
        <>
          <p style={{ marginTop: 12, fontWeight: 600 }}>
            {t('data.impactMaps', { count: impact.data.titles.length })}
          </p>
          <ul style={{ margin: '4px 0 0', paddingLeft: 20 }}>
            {impact.data.titles.slice(0, 8).map((title, at) => (
              <li key={at}>{title}</li>
            ))}
          </ul>
        </>
      ) : null}
      {impact.data && impact.data.titles.length === 0 ? (
        <p className="dim" style={{ marginTop: 8 }}>
          {t(impact.data.isComplete ? 'data.impactNone' : 'data.impactNoneSeen')}
        </p>
      ) : null}
      {impact.isError ? <p style={{ marginTop: 8 }}>{t('data.impactUnknown')}</p> : null}
    </Confirm>
  );
}
