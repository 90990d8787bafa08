import { useState } from 'react';
import type { ProviderConfig } from '../../../api/configs';
import { ANY_MODULE, type Order, type Step, type Strategy, useSaveOrder } from '../../../api/fallback';
import { integrationsTexts } from '../../../i18n/integrations';
import { useFieldError } from '../../../i18n/useFieldError';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, isProviderName, PROVIDERS, type ProviderName } from '../../../providers';
import { Button } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { ErrorState } from '../../ui/ErrorState';
import { Field } from '../../ui/Field';
import { Select } from '../../ui/Select';
import { useToast } from '../../ui/Toast';
import styles from './Integrations.module.css';
import { type Entry, StepList } from './StepList';

const STRATEGIES: readonly Strategy[] = ['ordered', 'weighted', 'cheapest', 'fastest'];

const STEPS_MAX = 10;

interface OrderFormProps {
  readonly module: string;
  /** null: the module has no order of its own. */
  readonly order: Order | null;
  readonly configs: readonly ProviderConfig[];
  readonly onRemoved: () => void;
}

/** One module's strategy and steps, saved as a whole. */
export function OrderForm({ module, order, configs, onRemoved }: OrderFormProps) {
  const t = useTexts(integrationsTexts);
  const toast = useToast();
  const save = useSaveOrder(module);
  const fieldError = useFieldError(save.error);
  const [strategy, setStrategy] = useState<Strategy>(order?.strategy ?? 'ordered');
  const [entries, setEntries] = useState<readonly Entry[]>(() => (order?.providers ?? []).map(asEntry));
  const configured = PROVIDERS.filter((name) => configs.some((config) => config.provider === name));
  const label = module === ANY_MODULE ? t('fallback.any') : module;

  const submit = () => {
    const providers = entries.flatMap(({ provider, model, weight }) =>
      isProviderName(provider) ? [{ provider, model, weight }] : [],
    );
    save.mutate(
      { strategy, providers },
      { onSuccess: () => toast.done({ title: t('fallback.saved', { module: label }) }) },
    );
  };
  const remove = () =>
    save.mutate(null, {
      onSuccess: () => {
        toast.done({ title: t('fallback.removed', { module: label }) });
        onRemoved();
      },
    });
  return (
    <div className={styles.stack}>
      <Field label={t('fallback.strategy')} hint={t(`fallback.hints.${strategy}`)}>
        <Select
          value={strategy}
          onChange={setStrategy}
          options={STRATEGIES.map((value) => ({ value, label: t(`fallback.strategies.${value}`) }))}
        />
      </Field>
      {entries.length === 0 ? (
        <EmptyState title={t(module === ANY_MODULE ? 'fallback.empty' : 'fallback.emptyModule')} />
      ) : (
        <StepList
          entries={entries}
          onChange={setEntries}
          hasWeights={strategy === 'weighted'}
          configs={configs}
        />
      )}
      {configured.length > 0 && entries.length < STEPS_MAX && (
        <Select<ProviderName>
          ariaLabel={t('fallback.addProvider')}
          placeholder={t('fallback.addProvider')}
          value={null}
          onChange={(provider) => setEntries([...entries, asEntry({ provider, model: null, weight: 1 })])}
          options={configured.map((value) => ({ value, label: displayName(value) }))}
        />
      )}
      {save.isError && <ErrorState error={save.error}>{fieldError('modules')}</ErrorState>}
      <div className={styles.actions}>
        <Button variant="primary" busy={save.isPending} disabled={entries.length === 0} onClick={submit}>
          {t('fallback.save')}
        </Button>
        {order !== null && (
          <Button busy={save.isPending} onClick={remove}>
            {t(module === ANY_MODULE ? 'fallback.removeAny' : 'fallback.remove')}
          </Button>
        )}
      </div>
    </div>
  );
}

function asEntry(step: Step): Entry {
  return { ...step, id: crypto.randomUUID() };
}
