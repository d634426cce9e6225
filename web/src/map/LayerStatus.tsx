// What a layer has to say while and after it loads: progress, an error with retry, "a part of …".
import { Progress } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ErrorState } from '../ui/States';
import { useFormat } from '../ui/useFormat';
import type { LayerActivity } from './activity';

/** Thinned: the sentence that says so, or null when everything is shown. */
export function usePartialText(activity: LayerActivity | undefined): string | null {
  const { t } = useTranslation();
  const format = useFormat();
  if (!activity || activity.pending > 0 || activity.shown === null || activity.total === null) return null;
  if (activity.total <= activity.shown) return null;
  return t('layers.partial', {
    shown: format.number(activity.shown),
    total: format.number(activity.total, { maximumSignificantDigits: 4 }),
  });
}

type Props = {
  activity: LayerActivity | undefined;
  error: Error | null;
  isLoading: boolean;
  onRetry: () => void;
};

export function LayerStatus({ activity, error, isLoading, onRetry }: Props) {
  const { t } = useTranslation();
  const partial = usePartialText(activity);
  const failure = error ?? activity?.error ?? null;
  if (failure) return <ErrorState error={failure} title={t('layers.failed')} onRetry={onRetry} isCompact />;
  const pending = activity?.pending ?? 0;
  if (isLoading || pending > 0) {
    const done = activity?.done ?? 0;
    return (
      <Progress
        value={isLoading ? 8 : Math.max(8, (100 * done) / Math.max(1, done + pending))}
        size={2}
        color="accent"
        aria-label={t('layers.loading')}
      />
    );
  }
  return partial ? <span className="dim numbers">{partial}</span> : null;
}
