// For people who write code: the API's address, and tokens that open exactly what an application needs.
import { Button, CopyButton, Skeleton } from '@mantine/core';
import { IconCheck, IconCopy, IconKey, IconPlus, IconTrash } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { meQuery } from '../../api/session';
import { type ApiToken, deleteToken, tokensQuery } from '../../api/tokens';
import { type Action, useActions } from '../../ui/actions';
import { Confirm } from '../../ui/Confirm';
import { IconButton } from '../../ui/IconButton';
import { Page } from '../../ui/Page';
import { EmptyState, ErrorState } from '../../ui/States';
import { showProblem, showToast } from '../../ui/toasts';
import { useFormat } from '../../ui/useFormat';
import styles from './Developers.module.css';
import { NewTokenDialog } from './NewTokenDialog';

function BaseUrl() {
  const { t } = useTranslation();
  const { data: me } = useQuery(meQuery);
  const url = me?.api_base_url ?? window.location.origin;
  const example = `import { vectorTableSource } from '@carto/api-client';\n\nconst data = vectorTableSource({\n  apiBaseUrl: '${url}',\n  accessToken: '…',\n  connectionName: 'carto_dw',\n  tableName: 'demo.populated_places',\n});`;
  return (
    <section className={styles.card} aria-labelledby="base">
      <h2 id="base">{t('developers.base')}</h2>
      <p className="dim">{t('developers.baseText')}</p>
      <div className={styles.copyRow}>
        <code>{url}</code>
        <CopyButton value={url}>
          {({ copied, copy }) => (
            <IconButton
              icon={copied ? IconCheck : IconCopy}
              label={copied ? t('actions.copied') : t('developers.copyBase')}
              onClick={copy}
            />
          )}
        </CopyButton>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <pre className={styles.code} tabIndex={0} role="region" aria-label={t('developers.example')}>
        {example}
      </pre>
    </section>
  );
}

function grantsText(token: ApiToken, everything: string): string {
  return token.grants
    .map((grant) => (grant.source === '*' ? `${grant.connection}: ${everything}` : grant.source))
    .join(', ');
}

function TokenRow({ token, onDelete }: { token: ApiToken; onDelete: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <li className={styles.token}>
      <IconKey size={20} stroke={1.5} />
      <div className={styles.words}>
        <strong className="truncate">{token.name}</strong>
        <span className="dim">
          {token.apis.map((api) => api.toUpperCase()).join(' + ')} ·{' '}
          {grantsText(token, t('developers.everything'))}
        </span>
        {token.referers.length ? (
          <span className="dim">{t('developers.onlyFrom', { pages: token.referers.join(', ') })}</span>
        ) : null}
        <span className="dim" title={format.exactTime(token.created_at)}>
          {t('developers.created', { when: format.relative(token.created_at) })}
          {token.last_used_at
            ? ` · ${t('developers.used', { when: format.relative(token.last_used_at) })}`
            : ''}
        </span>
      </div>
      <IconButton
        icon={IconTrash}
        label={t('developers.deleteToken', { name: token.name })}
        onClick={onDelete}
      />
    </li>
  );
}

export function Developers() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const tokens = useQuery(tokensQuery);
  const [isCreating, setCreating] = useState(false);
  const [doomed, setDoomed] = useState<ApiToken | null>(null);
  const remove = useMutation({
    mutationFn: (token: ApiToken) => deleteToken(token.id),
    onSuccess: async (_nothing, token) => {
      setDoomed(null);
      await queries.invalidateQueries({ queryKey: tokensQuery.queryKey });
      showToast({ message: t('developers.deleted', { name: token.name }) });
    },
    onError: (error) => showProblem(t('developers.deleteFailed'), error.message),
  });
  const actions = useMemo(
    (): Action[] => [
      {
        id: 'new-token',
        label: t('developers.newToken'),
        group: t('commands.here'),
        icon: IconPlus,
        shortcut: 'N',
        perform: () => setCreating(true),
      },
    ],
    [t],
  );
  useActions('developers', actions);
  const newButton = (
    <Button leftSection={<IconPlus size={16} stroke={1.5} />} onClick={() => setCreating(true)}>
      {t('developers.newToken')}
    </Button>
  );

  return (
    <Page title={t('nav.developers')} width="reading" action={newButton}>
      <BaseUrl />
      <section className={styles.card} aria-labelledby="tokens">
        <h2 id="tokens">{t('developers.tokens')}</h2>
        <p className="dim">{t('developers.tokensText')}</p>
        {tokens.isPending ? (
          <Skeleton height={120} mt={12} />
        ) : tokens.isError ? (
          <ErrorState
            error={tokens.error}
            title={t('developers.listFailed')}
            onRetry={() => void tokens.refetch()}
            isCompact
          />
        ) : tokens.data.length === 0 ? (
          <EmptyState
            icon={IconKey}
            title={t('developers.emptyTitle')}
            text={t('developers.emptyText')}
            isCompact
          >
            {newButton}
          </EmptyState>
        ) : (
          <ul className={styles.tokens}>
            {tokens.data.map((token) => (
              <TokenRow key={token.id} token={token} onDelete={() => setDoomed(token)} />
            ))}
          </ul>
        )}
      </section>
      {isCreating ? <NewTokenDialog onClose={() => setCreating(false)} /> : null}
      <Confirm
        isOpen={doomed !== null}
        title={t('developers.deleteTitle', { name: doomed?.name ?? '' })}
        confirm={t('developers.deleteConfirm')}
        isBusy={remove.isPending}
        onConfirm={() => doomed && remove.mutate(doomed)}
        onClose={() => setDoomed(null)}
      >
        <p>{t('developers.deleteText')}</p>
      </Confirm>
    </Page>
  );
}
