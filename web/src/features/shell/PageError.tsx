// A page that failed as a whole: says why and tries again.
import { useQueryErrorResetBoundary } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { ErrorState } from '../../ui/States';

export function PageError({ error, reset }: { error: unknown; reset?: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  const queries = useQueryErrorResetBoundary();
  return (
    <main style={{ padding: 24 }}>
      <h1 className="visually-hidden">{t('errors.pageFailed')}</h1>
      <ErrorState
        error={error}
        title={t('errors.pageFailed')}
        onRetry={() => {
          queries.reset();
          reset?.();
          void router.invalidate();
        }}
      />
    </main>
  );
}
