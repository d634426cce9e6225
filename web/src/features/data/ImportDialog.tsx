// One file into one table: upload, look, name, import, report.
import { Button, Checkbox, Group, Modal, Progress, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { connectionsQuery, schemasQuery, tableQuery } from '../../api/connections';
import { cancelJob, isOver, jobQuery, startImport, type Upload, uploadFile } from '../../api/imports';
import { ApiError } from '../../lib/problem';
import { paths } from '../../paths';
import { ErrorState } from '../../ui/States';
import { useFormat } from '../../ui/useFormat';
import styles from './ImportDialog.module.css';
import { ImportReportView } from './ImportReportView';
import { PreviewTable } from './PreviewTable';

/** A name that needs no quotes: lower case, digits and underscores, not starting with a digit. */
export function tableNameFrom(fileName: string): string {
  const base = fileName.replace(/(\.(csv|tsv|txt|geojson|json|geoparquet|parquet))+$/i, '');
  const plain = base
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return /^[a-z]/.test(plain)
    ? plain.slice(0, 60)
    : `t_${plain}`.slice(0, 60).replace(/_+$/, '') || 'imported';
}

const isGoodName = (name: string) => /^[a-z_][a-z0-9_]{0,62}$/i.test(name);

function useUpload(file: File) {
  const [sent, setSent] = useState(0);
  const [result, setResult] = useState<Upload | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt starts the same upload again
  useEffect(() => {
    const abort = new AbortController();
    setError(null);
    setSent(0);
    uploadFile(file, (done) => setSent(done), abort.signal).then(setResult, (problem: unknown) => {
      if (!abort.signal.aborted) setError(problem);
    });
    return () => abort.abort();
  }, [file, attempt]);
  return { sent, result, error, retry: () => setAttempt((now) => now + 1) };
}

export function ImportDialog({ file, onClose }: { file: File; onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const uploaded = useUpload(file);
  const { data: connections } = useQuery(connectionsQuery);
  const connection = connections?.[0]?.code ?? 'carto_dw';
  const { data: schemas } = useQuery(schemasQuery(connection));
  const [schema, setSchema] = useState('public');
  const [name, setName] = useState(() => tableNameFrom(file.name));
  const [mayOverwrite, setMayOverwrite] = useState(false);
  const [job, setJob] = useState<string | null>(null);
  const target = `${schema}.${name}`;

  const existing = useQuery({
    ...tableQuery(connection, target),
    enabled: isGoodName(name) && job === null,
    retry: false,
    staleTime: 0,
  });
  const exists = existing.isSuccess;
  const status = useQuery({ ...jobQuery(job ?? ''), enabled: job !== null });
  const isDone = status.data ? isOver(status.data) : false;

  const start = useMutation({
    mutationFn: () =>
      startImport({
        upload: uploaded.result!.upload,
        table: target,
        overwrite: exists && mayOverwrite,
        options: {},
      }),
    onSuccess: (answer) => setJob(answer.job),
    onError: (error) => {
      if (error instanceof ApiError && error.status === 409) void existing.refetch();
    },
  });
  useEffect(() => {
    if (isDone) void queries.invalidateQueries({ queryKey: ['connections', connection] });
  }, [isDone, queries, connection]);

  const preview = uploaded.result?.preview;
  const nameError = !isGoodName(name) ? t('imports.badName') : undefined;
  const isRunning = job !== null && !isDone;
  const progress = status.data?.progress;

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('imports.title', { file: file.name })}
      size={760}
      closeOnClickOutside={false}
      closeButtonProps={{ 'aria-label': t('actions.close') }}
    >
      {uploaded.error ? (
        <ErrorState
          error={uploaded.error}
          title={t('imports.uploadFailed')}
          onRetry={uploaded.retry}
          isCompact
        />
      ) : null}
      {!preview && !uploaded.error ? (
        <div className={styles.waiting}>
          <Progress
            value={(100 * uploaded.sent) / Math.max(1, file.size)}
            aria-label={t('imports.uploading')}
            size={6}
          />
          <p className="dim numbers">
            {uploaded.sent < file.size
              ? t('imports.uploadedOf', { sent: format.bytes(uploaded.sent), total: format.bytes(file.size) })
              : t('imports.reading')}
          </p>
        </div>
      ) : null}
      {preview && job === null ? (
        <>
          <PreviewTable preview={preview} size={file.size} />
          <div className={styles.target}>
            <Select
              label={t('imports.schema')}
              data={[...new Set(['public', ...(schemas ?? []).map((one) => one.name)])]}
              value={schema}
              onChange={(value) => value && setSchema(value)}
              size="md"
            />
            <TextInput
              label={t('imports.table')}
              value={name}
              error={nameError}
              onChange={(event) => {
                setName(event.currentTarget.value.trim());
                setMayOverwrite(false);
              }}
              size="md"
              // The preview comes after the dialog: what people change first has the focus then.
              autoFocus
            />
          </div>
          {exists ? (
            <div className={styles.exists}>
              <p>{t('imports.exists', { name: target, rows: format.number(existing.data.rows ?? 0) })}</p>
              <Checkbox
                label={t('imports.overwrite')}
                checked={mayOverwrite}
                onChange={(event) => setMayOverwrite(event.currentTarget.checked)}
              />
            </div>
          ) : null}
          {start.isError ? (
            <ErrorState error={start.error} title={t('imports.startFailed')} isCompact />
          ) : null}
          <Group justify="flex-end" gap={8} mt={20}>
            <Button variant="default" size="md" onClick={onClose}>
              {t('actions.cancel')}
            </Button>
            <Button
              size="md"
              loading={start.isPending}
              disabled={Boolean(nameError) || (exists && !mayOverwrite)}
              onClick={() => start.mutate()}
            >
              {exists && mayOverwrite ? t('imports.startOver') : t('imports.start')}
            </Button>
          </Group>
        </>
      ) : null}
      {isRunning ? (
        <div className={styles.waiting} aria-live="polite">
          <Progress
            value={progress?.total ? (100 * progress.done) / progress.total : 100}
            animated={!progress?.total}
            size={6}
            aria-label={t('imports.running')}
          />
          <p className="dim numbers">
            {progress?.total
              ? t('imports.runningOf', {
                  done:
                    progress.unit === 'bytes' ? format.bytes(progress.done) : format.number(progress.done),
                  total:
                    progress.unit === 'bytes' ? format.bytes(progress.total) : format.number(progress.total),
                })
              : t('imports.running')}
          </p>
          {status.isError ? (
            <ErrorState error={status.error} title={t('imports.statusFailed')} isCompact />
          ) : null}
          <Group justify="flex-end" gap={8} mt={16}>
            <Button variant="default" onClick={() => void cancelJob(job!).then(() => status.refetch())}>
              {t('imports.cancel')}
            </Button>
            <Button variant="default" onClick={onClose}>
              {t('imports.background')}
            </Button>
          </Group>
        </div>
      ) : null}
      {isDone && status.data ? (
        <ImportReportView
          job={status.data}
          table={target}
          onOpen={() => {
            onClose();
            void navigate({ to: paths.table(connection, target) });
          }}
          onClose={onClose}
        />
      ) : null}
    </Modal>
  );
}
