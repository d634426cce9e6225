// Quiet messages at the edge: what happened, with a way on or back.
import { notifications } from '@mantine/notifications';
import type { ReactNode } from 'react';

export type Toast = { id?: string; title?: string; message: ReactNode; lasts?: number | false };

export function showToast({ id, title, message, lasts = 6000 }: Toast): string {
  return notifications.show({
    ...(id ? { id } : {}),
    title,
    message,
    autoClose: lasts,
    color: 'accent',
    withBorder: true,
  });
}

export function showProblem(title: string, message: string): string {
  return notifications.show({ title, message, color: 'var(--g-bad)', autoClose: 10_000, withBorder: true });
}

export function hideToast(id: string): void {
  notifications.hide(id);
}
