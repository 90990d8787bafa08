import { useState } from 'react';
import type { ProviderConfig } from '@/api/configs';
import { ANY_MODULE, useFallbackOrders } from '@/api/fallback';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { ErrorState } from '@/components/ui/ErrorState';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { Skeleton } from '@/components/ui/Skeleton';
import { useTexts } from '@/i18n/useTexts';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { FallbackOrderForm } from './FallbackOrderForm';
import styles from './Integrations.module.css';

const MODULE_NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** Card with the order of providers for all modules and for single modules. */
export function FallbackOrdersCard({ configs }: { readonly configs: readonly ProviderConfig[] }) {
  const t = useTexts(integrationsTexts);
  const orders = useFallbackOrders();
  const [module, setModule] = useState(ANY_MODULE);
  const modules = [...new Set([ANY_MODULE, ...Object.keys(orders.data ?? {}), module])];
  return (
    <Card title={t('fallback.title')}>
      <div className={styles.stack}>
        <p className={styles.muted}>{t('fallback.intro')}</p>
        {orders.isPending && <Skeleton height="18rem" />}
        {orders.isError && <ErrorState error={orders.error} onRetry={() => void orders.refetch()} />}
        {orders.data !== undefined && (
          <>
            <div className={styles.row}>
              <Field label={t('fallback.module')}>
                <Select
                  value={module}
                  onChange={setModule}
                  options={modules.map((name) => ({
                    value: name,
                    label: name === ANY_MODULE ? t('fallback.any') : name,
                  }))}
                />
              </Field>
              <NewModuleForm onAdd={setModule} />
            </div>
            <FallbackOrderForm
              key={module}
              module={module}
              order={orders.data[module] ?? null}
              configs={configs}
              onRemoved={() => setModule(ANY_MODULE)}
            />
          </>
        )}
      </div>
    </Card>
  );
}

function NewModuleForm({ onAdd }: { readonly onAdd: (module: string) => void }) {
  const t = useTexts(integrationsTexts);
  const [name, setName] = useState('');
  const isInvalid = name !== '' && !MODULE_NAME.test(name);
  return (
    <form
      className={styles.row}
      onSubmit={(event) => {
        event.preventDefault();
        if (!MODULE_NAME.test(name)) return;
        onAdd(name);
        setName('');
      }}
    >
      <Field label={t('fallback.newModule')} error={isInvalid ? t('fallback.moduleForm') : undefined}>
        <Input
          value={name}
          onChange={(event) => setName(event.target.value)}
          placeholder="marketing"
          required
        />
      </Field>
      <Button type="submit">{t('fallback.add')}</Button>
    </form>
  );
}
