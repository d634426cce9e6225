// An address that leads nowhere.
import { Button } from '@mantine/core';
import { IconMapOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { paths } from '../../paths';
import { useDocumentTitle } from '../../ui/Page';
import { EmptyState } from '../../ui/States';

export function NotFound() {
  const { t } = useTranslation();
  useDocumentTitle(t('errors.notFoundTitle'));
  return (
    <main style={{ display: 'grid', placeItems: 'center', minHeight: '70vh' }}>
      <h1 className="visually-hidden">{t('errors.notFoundTitle')}</h1>
      <EmptyState icon={IconMapOff} title={t('errors.notFoundTitle')} text={t('errors.notFoundText')}>
        <Button component={Link} to={paths.home}>
          {t('errors.goHome')}
        </Button>
      </EmptyState>
    </main>
  );
}
