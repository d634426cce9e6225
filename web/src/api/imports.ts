// Files on their way into the warehouse: upload, preview, import job, report.
import { queryOptions } from '@tanstack/react-query';
import { request, upload } from './http';

export type PreviewColumn = { name: string; type: string; original?: string | null };

export type Preview = {
  format: string;
  columns: PreviewColumn[];
  /** `from`: the columns of the file; none when the format itself holds geometry. */
  geometry: { column: string; from: string[]; source_crs: string } | null;
  crs?: string | null;
  /** By the names that columns have in the file. */
  rows: Record<string, unknown>[];
  warnings?: string[];
};

export type Upload = { upload: string; preview: Preview };

export function uploadFile(
  file: File,
  onProgress: (sent: number, total: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  return upload<Upload>(
    `/workspace-api/imports/uploads?filename=${encodeURIComponent(file.name)}`,
    file,
    onProgress,
    signal,
  );
}

export function startImport(wanted: {
  upload: string;
  table: string;
  overwrite: boolean;
  options: Record<string, unknown>;
}): Promise<{ job: string }> {
  return request('/workspace-api/imports', { method: 'POST', body: wanted });
}

export type ImportReport = {
  table?: string;
  read: number;
  written: number;
  repaired?: number;
  refused?: { row: number; reason: string }[];
  refused_count?: number;
  without_geometry?: number;
  warnings?: string[];
};

export type Job = {
  id: string;
  kind: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  progress: { done: number; total: number | null; unit?: string } | null;
  result: ImportReport | null;
  error: string | null;
  created_at: string;
};

export function isOver(job: Job): boolean {
  return job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled';
}

/** Asks again every 500 ms until the job is over. */
export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['jobs', id],
    queryFn: ({ signal }) => request<Job>(`/workspace-api/jobs/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: (query) => (query.state.data && isOver(query.state.data) ? false : 500),
  });

export function cancelJob(id: string): Promise<void> {
  return request(`/workspace-api/jobs/${encodeURIComponent(id)}`, { method: 'DELETE' });
}
