// Data Explorer: the tree of what there is on the left, the chosen object on the right; files dropped anywhere are imported.

import { IconFileImport } from '@tabler/icons-react';
import { Outlet } from '@tanstack/react-router';
import { type DragEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './Explorer.module.css';
import { ImportDialog } from './ImportDialog';
import { ImportContext } from './importing';
import { Tree } from './Tree';

const isFileDrag = (event: DragEvent) => event.dataTransfer.types.includes('Files');

export function Explorer() {
  const { t } = useTranslation();
  const [isDragging, setDragging] = useState(false);
  const [file, setFile] = useState<File | null>(null);
  const depth = useRef(0);
  const picker = useRef<HTMLInputElement>(null);

  return (
    <ImportContext value={() => picker.current?.click()}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the import button is the first */}
      <div
        className={styles.explorer}
        onDragEnter={(event) => {
          if (!isFileDrag(event)) return;
          depth.current += 1;
          setDragging(true);
        }}
        onDragLeave={() => {
          depth.current = Math.max(0, depth.current - 1);
          if (depth.current === 0) setDragging(false);
        }}
        onDragOver={(event) => isFileDrag(event) && event.preventDefault()}
        onDrop={(event) => {
          if (!isFileDrag(event)) return;
          event.preventDefault();
          depth.current = 0;
          setDragging(false);
          setFile(event.dataTransfer.files[0] ?? null);
        }}
      >
        <Tree />
        <div className={styles.object}>
          <Outlet />
        </div>
        {isDragging ? (
          <div className={styles.drop} aria-hidden="true">
            <div>
              <IconFileImport size={32} stroke={1.25} />
              <strong>{t('imports.dropTitle')}</strong>
              <span>{t('imports.dropText')}</span>
            </div>
          </div>
        ) : null}
        <input
          ref={picker}
          type="file"
          accept=".csv,.tsv,.txt,.json,.geojson,.parquet,.geoparquet"
          hidden
          data-testid="import-file"
          onChange={(event) => {
            setFile(event.currentTarget.files?.[0] ?? null);
            event.currentTarget.value = '';
          }}
        />
        {file ? (
          <ImportDialog key={`${file.name}${file.lastModified}`} file={file} onClose={() => setFile(null)} />
        ) : null}
      </div>
    </ImportContext>
  );
}
