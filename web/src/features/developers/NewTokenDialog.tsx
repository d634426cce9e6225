// Makes an API access token and shows its secret, once.
import {
  Button,
  Checkbox,
  CopyButton,
  Group,
  Modal,
  MultiSelect,
  SegmentedControl,
  TagsInput,
  TextInput,
} from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { connectionsQuery, tablesQuery } from '../../api/connections';
import { createToken, type TokenApi, tokensQuery } from '../../api/tokens';
import { ErrorState } from '../../ui/States';
import styles from './Developers.module.css';

const APIS: readonly TokenApi[] = ['maps', 'sql'];

export function NewTokenDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { data: connections } = useQuery(connectionsQuery);
  const connection = connections?.[0]?.code ?? 'carto_dw';
  const tables = useInfiniteQuery(tablesQuery(connection, {}));
  const [name, setName] = useState('');
  const [hasLeftName, setLeftName] = useState(false);
  const [apis, setApis] = useState<TokenApi[]>(['maps', 'sql']);
  const [scope, setScope] = useState<'all' | 'some'>('some');
  const [chosen, setChosen] = useState<string[]>([]);
  const [referers, setReferers] = useState<string[]>([]);

  const create = useMutation({
    mutationFn: () =>
      createToken({
        name: name.trim(),
        apis,
        grants:
          scope === 'all' ? [{ connection, source: '*' }] : chosen.map((source) => ({ connection, source })),
        referers,
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  const nameError = name.trim() === '' ? t('developers.needName') : null;
  const missing =
    nameError ??
    (apis.length === 0
      ? t('developers.needApi')
      : scope === 'some' && chosen.length === 0
        ? t('developers.needGrant')
        : null);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setLeftName(true);
    if (!missing) create.mutate();
  };

  if (create.data) {
    return (
      <Modal
        opened
        onClose={onClose}
        title={t('developers.secretTitle')}
        size={560}
        closeOnClickOutside={false}
        closeButtonProps={{ 'aria-label': t('actions.close') }}
      >
        <p>{t('developers.secretText')}</p>
        <div className={styles.secret}>
          <TextInput
            size="md"
            label={t('developers.secret')}
            value={create.data.secret}
            readOnly
            data-testid="token-secret"
            onFocus={(event) => event.currentTarget.select()}
            styles={{ input: { fontFamily: 'var(--g-mono)' } }}
          />
          <CopyButton value={create.data.secret}>
            {({ copied, copy }) => (
              <Button
                size="md"
                onClick={copy}
                leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} stroke={1.5} />}
                data-autofocus
              >
                {copied ? t('actions.copied') : t('actions.copy')}
              </Button>
            )}
          </CopyButton>
        </div>
        <Group justify="flex-end" mt={20}>
          <Button size="md" variant="default" onClick={onClose}>
            {t('developers.secretDone')}
          </Button>
        </Group>
      </Modal>
    );
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={t('developers.newToken')}
      size={560}
      closeButtonProps={{ 'aria-label': t('actions.close') }}
    >
      <form className={styles.form} onSubmit={submit}>
        <TextInput
          size="md"
          label={t('developers.name')}
          description={t('developers.nameHint')}
          value={name}
          error={hasLeftName ? nameError : null}
          onChange={(event) => setName(event.currentTarget.value)}
          onBlur={() => setLeftName(true)}
          data-autofocus
        />
        <fieldset className={styles.fieldset}>
          <legend className={styles.legend}>{t('developers.apis')}</legend>
          <div className={styles.apis}>
            {APIS.map((api) => (
              <Checkbox
                key={api}
                label={t(`developers.api_${api}`)}
                checked={apis.includes(api)}
                onChange={() =>
                  setApis(apis.includes(api) ? apis.filter((one) => one !== api) : [...apis, api])
                }
              />
            ))}
          </div>
        </fieldset>
        <fieldset className={styles.fieldset}>
          <legend className={styles.legend}>{t('developers.grants')}</legend>
          <SegmentedControl
            fullWidth
            aria-label={t('developers.grants')}
            value={scope}
            onChange={(value) => setScope(value as 'all' | 'some')}
            data={[
              { value: 'some', label: t('developers.someTables') },
              { value: 'all', label: t('developers.everything') },
            ]}
          />
          {scope === 'some' ? (
            <MultiSelect
              mt={8}
              size="md"
              aria-label={t('developers.someTables')}
              placeholder={chosen.length ? '' : t('developers.chooseTables')}
              searchable
              data={(tables.data?.pages ?? []).flatMap((page) => page.items).map((table) => table.name)}
              value={chosen}
              onChange={setChosen}
              nothingFoundMessage={t('style.noColumn')}
            />
          ) : (
            <p className="dim" style={{ marginTop: 8 }}>
              {t('developers.everythingText')}
            </p>
          )}
        </fieldset>
        <TagsInput
          size="md"
          label={t('developers.referers')}
          description={t('developers.referersHint')}
          placeholder={referers.length ? '' : 'https://example.com'}
          value={referers}
          onChange={setReferers}
        />
        {create.isError ? (
          <ErrorState error={create.error} title={t('developers.createFailed')} isCompact />
        ) : null}
        <Group justify="flex-end" gap={8}>
          {hasLeftName && missing ? <span className="dim">{missing}</span> : null}
          <Button size="md" variant="default" onClick={onClose}>
            {t('actions.cancel')}
          </Button>
          <Button size="md" type="submit" loading={create.isPending}>
            {t('developers.create')}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
