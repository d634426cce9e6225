// What a file holds, before it is imported: columns, types, geometry, first rows, warnings.
import { useTranslation } from 'react-i18next';
import type { Preview } from '../../api/imports';
import { cellText } from '../../ui/DataGrid';
import { TypeIcon } from '../../ui/TypeIcon';
import { useFormat } from '../../ui/useFormat';
import styles from './ImportDialog.module.css';

export function PreviewTable({ preview, size }: { preview: Preview; size: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const geometry = preview.geometry;
  const from = geometry?.columns?.join(', ') ?? geometry?.column;
  return (
    <>
      <div className={styles.facts}>
        <span>
          <strong>{preview.format}</strong> · {format.bytes(size)}
        </span>
        <span>{t('imports.columns', { count: preview.columns.length })}</span>
        {preview.row_count ? (
          <span>
            {t('data.rowCount', { count: preview.row_count, number: format.number(preview.row_count) })}
          </span>
        ) : null}
        <span>
          {geometry
            ? t('imports.geometryFrom', { type: geometry.type ?? t('types.geometry'), column: from })
            : t('imports.noGeometry')}
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
                    {row[column.name] === null || row[column.name] === undefined ? (
                      <span className="dim">{t('grid.null')}</span>
                    ) : (
                      cellText(row[column.name], column.type, format)
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
