import { useState } from 'react';
import type { ProviderConfig } from '../../../api/configs';
import { ANY_MODULE, useFallback } from '../../../api/fallback';
import { integrationsTexts } from '../../../i18n/integrations';
import { useTexts } from '../../../i18n/useTexts';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { ErrorState } from '../../ui/ErrorState';
import { Field } from '../../ui/Field';
import { Input } from '../../ui/Input';
import { Select } from '../../ui/Select';
import { Skeleton } from '../../ui/Skeleton';
import styles from './Integrations.module.css';
import { OrderForm } from './OrderForm';

const MODULE = /^[a-z][a-z0-9-]{0,39}$/;

/** In which order providers are asked: one order for all modules, and others for single ones. */
export function FallbackOrders({ configs }: { readonly configs: readonly ProviderConfig[] }) {
  const t = useTexts(integrationsTexts);
  const orders = useFallback();
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
              <NewModule onAdd={setModule} />
            </div>
            <OrderForm
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

function NewModule({ onAdd }: { readonly onAdd: (module: string) => void }) {
  const t = useTexts(integrationsTexts);
  const [name, setName] = useState('');
  const isWrong = name !== '' && !MODULE.test(name);
  return (
    <form
      className={styles.row}
      onSubmit={(event) => {
        event.preventDefault();
        if (!MODULE.test(name)) return;
        onAdd(name);
        setName('');
      }}
    >
      <Field label={t('fallback.newModule')} error={isWrong ? t('fallback.moduleForm') : undefined}>
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
