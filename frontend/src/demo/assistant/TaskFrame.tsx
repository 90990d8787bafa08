import { type FormEvent, type ReactNode, useState } from 'react';
import type { Answer, Task } from '../../api/assistant';
import { Button } from '../../components/ui/Button';
import { Card } from '../../components/ui/Card';
import { EmptyState } from '../../components/ui/EmptyState';
import { playgroundTexts } from '../../i18n/playground';
import { useTexts } from '../../i18n/useTexts';
import type { ProviderName } from '../../providers';
import { AnswerMarks } from './AnswerMarks';
import styles from './Assistant.module.css';
import { Failure } from './Failure';

/** What limits, orders of fallback and the audit know the playground as. */
export const MODULE = 'marketing';

export interface TaskProps {
  /** null: as the company has set. */
  readonly provider: ProviderName | null;
}

/** What is the same in every task's request. */
export function common(provider: ProviderName | null) {
  return { module: MODULE, ...(provider === null ? {} : { provider }) };
}

/** Without what was left empty: the API has no empty texts. */
export function filled<T extends Record<string, string>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== '')) as Partial<T>;
}

interface Answered<Request, Data> {
  readonly answer: Answer<Data>;
  readonly request: Request;
}

interface TaskFrameProps<Request, Data> {
  readonly task: Task<Request, Data>;
  /** The request as the form has it now. */
  readonly request: () => Request;
  readonly fields: ReactNode;
  /** The answer, with the request that it is of. */
  readonly show: (data: Data, request: Request) => ReactNode;
}

/** A task's form beside its answer, which stays until the next one is there. */
export function TaskFrame<Request, Data>({ task, request, fields, show }: TaskFrameProps<Request, Data>) {
  const t = useTexts(playgroundTexts);
  const [answered, setAnswered] = useState<Answered<Request, Data> | null>(null);
  const ask = (isFresh: boolean) => {
    const asked = request();
    task.mutate(
      { request: asked, isFresh },
      {
        onSuccess: (answer) => setAnswered({ answer, request: asked }),
        onError: () => setAnswered(null),
      },
    );
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask(false);
  };
  return (
    <div className={styles.columns}>
      <Card>
        <form className={styles.form} onSubmit={submit}>
          {fields}
          <div className={styles.actions}>
            <Button type="submit" variant="primary" busy={task.isPending}>
              {t('submit')}
            </Button>
          </div>
        </form>
      </Card>
      <section
        className={styles.answer}
        aria-label={t('answer')}
        aria-live="polite"
        aria-busy={task.isPending}
      >
        {task.isIdle && (
          <Card>
            <EmptyState title={t('nothing')}>{t('nothingHint')}</EmptyState>
          </Card>
        )}
        {task.isPending && answered === null && <p className={styles.muted}>{t('working')}</p>}
        {task.isError && <Failure error={task.error} onRetry={() => ask(false)} />}
        {answered !== null && (
          <>
            {show(answered.answer.data, answered.request)}
            <Card>
              <AnswerMarks answer={answered.answer} />
              <div className={styles.actions}>
                <Button busy={task.isPending} onClick={() => ask(true)}>
                  {t('again')}
                </Button>
              </div>
            </Card>
          </>
        )}
      </section>
    </div>
  );
}
