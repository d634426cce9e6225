// What a file holds, before it is imported: columns, types, geometry, first rows, warnings.
import { useTranslation } from 'react-i18next';
import type { Preview, PreviewColumn } from '../../api/imports';
import { cellText } from '../../ui/DataGrid';
import { TypeIcon } from '../../ui/TypeIcon';
import { useFormat } from '../../ui/useFormat';
import styles from './ImportDialog.module.css';

const cellOf = (row: Record<string, unknown>, column: PreviewColumn) =>
  row[column.original ?? column.name] ?? row[column.name];

export function PreviewTable({ preview, size }: { preview: Preview; size: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const geometry = preview.geometry;
  const formats: Record<string, string> = { csv: 'CSV', geojson: 'GeoJSON', geoparquet: 'GeoParquet' };
  return (
    <>
      <div className={styles.facts}>
        <span>
          <strong>{formats[preview.format] ?? preview.format}</strong> · {format.bytes(size)}
        </span>
        <span>{t('imports.columns', { count: preview.columns.length })}</span>
        <span>
          {geometry === null
            ? t('imports.noGeometry')
            : geometry.from.length
              ? t('imports.geometryFrom', { columns: geometry.from.join(', ') })
              : t('imports.geometryInFile')}
        </span>
        {preview.crs ? <span>{preview.crs}</span> : null}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <div className={styles.preview} tabIndex={0} role="region" aria-label={t('imports.preview')}>
        <table>
          <thead>
            <tr>
              {preview.columns.map((column) => (
                <th
                  key={column.name}
                  title={
                    column.original && column.original !== column.name
                      ? t('imports.renamed', { name: column.original })
                      : undefined
                  }
                >
                  <span>
                    <TypeIcon type={column.type} />
                    {column.name}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.slice(0, 20).map((row, at) => (
              <tr key={at}>
                {preview.columns.map((column) => (
                  <td key={column.name}>
                    {cellOf(row, column) === null || cellOf(row, column) === undefined ? (
                      <span className="dim">{t('grid.null')}</span>
                    ) : (
                      cellText(cellOf(row, column), column.type, format)
                    )}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {preview.warnings?.length ? (
        <ul className={styles.warnings}>
          {preview.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      ) : null}
    </>
  );
}
