// The explorer before anything is chosen: what can be done here.
import { Button } from '@mantine/core';
import { IconDatabaseSearch, IconFileImport } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useDocumentTitle } from '../../ui/Page';
import { EmptyState } from '../../ui/States';
import { useChooseFile } from './importing';

export function Welcome() {
  const { t } = useTranslation();
  useDocumentTitle(t('nav.data'));
  const chooseFile = useChooseFile();
  return (
    <div style={{ display: 'grid', placeItems: 'center', height: '100%', overflow: 'auto' }}>
      <h1 className="visually-hidden">{t('nav.data')}</h1>
      <EmptyState icon={IconDatabaseSearch} title={t('data.welcomeTitle')} text={t('data.welcomeText')}>
        <Button leftSection={<IconFileImport size={16} stroke={1.5} />} onClick={chooseFile}>
          {t('imports.action')}
        </Button>
      </EmptyState>
    </div>
  );
}
